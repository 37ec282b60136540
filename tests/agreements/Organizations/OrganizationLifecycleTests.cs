using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Organizations;
using Mailkey.Agreements.Tests.Agreements;

namespace Mailkey.Agreements.Tests.Organizations;

public sealed class OrganizationLifecycleTests
{
    private const string Document = "docs/agreements/states.md";

    private static Lifecycle<OrganizationStatus> Rules => OrganizationLifecycle.Rules;

    [Fact]
    public void OrganizationLifecycle_knows_every_command()
    {
        var commands = typeof(OrganizationCommand).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(OrganizationCommand)));
        Assert.Equal(commands.OrderBy(c => c.Name, StringComparer.Ordinal), Rules.Commands.OrderBy(c => c.Name, StringComparer.Ordinal));
    }

    [Fact]
    public void OrganizationLifecycle_is_drawn_in_its_document()
    {
        LifecycleDocument.Verify(Document, "organization states", LifecycleDocument.Diagram(Rules, OrganizationStatus.None, [OrganizationStatus.Refused, OrganizationStatus.Lapsed, OrganizationStatus.Banned]));
        LifecycleDocument.Verify(Document, "organization commands", LifecycleDocument.Table(Rules));
    }
}
