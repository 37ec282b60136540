using System.Text.Json;
using Mailkey.Hosting;
using Mailkey.Hosting.Options;
using Microsoft.Extensions.Configuration;

namespace Mailkey.Hosting.Tests;

public sealed class ConfigurationDocumentTests
{
    // A service reads what was built beside it; the page is compared with the tree.
    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Microservices.sln")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("Microservices.sln is not above the tests.");
        }

        return folder.FullName;
    }

    [Fact]
    public void Configuration_page_is_the_one_that_the_option_classes_make()
    {
        // To renew it: mailkey config docs > docs/configuration.md
        Assert.Equal(ConfigurationDocument.Markdown(), File.ReadAllText(Path.Combine(Root(), "docs", "configuration.md")));
    }

    [Fact]
    public void Settings_file_holds_every_key_with_its_default()
    {
        // To renew it: mailkey config defaults > libs/hosting/appsettings.json
        var text = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "appsettings.json"));
        Assert.Equal(ConfigurationDocument.Defaults(), text);

        var section = JsonDocument.Parse(text).RootElement;
        foreach (var (key, _, _) in MailkeyConfiguration.Keys())
        {
            var element = section;
            Assert.All(key.Split(':'), step => Assert.True(element.TryGetProperty(step, out element), key));
        }
    }

    [Fact]
    public void Settings_file_binds_to_the_defaults()
    {
        var configuration = new ConfigurationBuilder().AddJsonFile(Path.Combine(AppContext.BaseDirectory, "appsettings.json")).Build();
        var options = new MailkeyOptions();
        MailkeyConfiguration.Bind(configuration, options);

        Assert.Equal(ConfigurationDocument.Render(new MailkeyOptions()), ConfigurationDocument.Render(options));
        Assert.True(new MailkeyOptionsValidator().Validate(null, options).Succeeded);
    }

    [Fact]
    public void Configuration_describes_every_key()
    {
        Assert.All(MailkeyConfiguration.Keys(), key => Assert.Contains($"`{key.Key}`", ConfigurationDocument.Markdown(), StringComparison.Ordinal));
        Assert.All(MailkeyConfiguration.Keys(), key => Assert.NotNull(key.Property.GetCustomAttributes(typeof(System.ComponentModel.DescriptionAttribute), false).SingleOrDefault()));
    }
}
