using System.CommandLine;
using System.Text;
using Mailkey.Authentication.Crypto;

namespace Mailkey.Tool.Keys;

/// <summary><c>mailkey keygen</c></summary>
internal static class KeygenCommand
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    public static Command Create(ToolConsole console)
    {
        var file = new Argument<FileInfo>("file") { Description = "File for the private key, PKCS #8 in PEM. Only its owner can read it." };
        var type = new Option<string>("--type", "-t") { Description = "ed25519, short and fast; or rsa, for receivers that know nothing else.", DefaultValueFactory = _ => "ed25519" };
        type.AcceptOnlyFromAmong("ed25519", "rsa");
        var bits = new Option<int>("--bits", "-b") { Description = $"Size of an RSA key, {VerifyKey.MinRsaBits} to {VerifyKey.MaxRsaBits}.", DefaultValueFactory = _ => VerifyKey.MinRsaBits };
        bits.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is var size && (size is < VerifyKey.MinRsaBits or > VerifyKey.MaxRsaBits || size % 8 != 0))
            {
                result.AddError($"--bits must be {VerifyKey.MinRsaBits} to {VerifyKey.MaxRsaBits} and a multiple of 8. It is {size}.");
            }
        });
        var force = new Option<bool>("--force") { Description = "Overwrite an existing file. The key in it is lost." };
        var command = new ToolCommand(
            "keygen",
            "Make a key pair.",
            """
            The private key stays with the relay that signs. The public key is published by "mailkey records".
            Give each key a file of its own and a name that says when it was made: to change keys, publish the new
            one first, then sign with it, and take the old one away when its last signature has expired.

            Examples:
              mailkey keygen 2026a.pem
              mailkey keygen --type rsa --bits 3072 2026r.pem
              mailkey records example.org --key 2026a=2026a.pem
            """)
        { file, type, bits, force };
        command.SetAction((result, cancellationToken) =>
            RunAsync(console, result.GetRequiredValue(file), result.GetRequiredValue(type), result.GetValue(bits), result.GetValue(force), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(ToolConsole console, FileInfo file, string type, int bits, bool force, CancellationToken cancellationToken)
    {
        if (file.Exists && !force)
        {
            return console.Fail($"{file.FullName} exists and may hold a key in use. Choose another file, or give --force to lose what is in it.");
        }

        using var key = type == "rsa" ? SigningKey.GenerateRsa(bits) : SigningKey.GenerateEd25519();

        // A new file takes the name only when it is complete, so that no key is half written, or readable by others for a moment.
        var temporary = $"{file.FullName}.new";
        var options = new FileStreamOptions { Mode = force ? FileMode.Create : FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            File.Delete(temporary);
            options.UnixCreateMode = OwnerOnly;
        }

        await using (var stream = new FileStream(temporary, options))
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes(key.ExportPem()), cancellationToken);
            stream.Flush(flushToDisk: true);
        }

        File.Move(temporary, file.FullName, overwrite: force);
        var name = Path.GetFileNameWithoutExtension(file.Name);
        await console.Text.WriteLineAsync(
            $"""
            private key  {file.FullName}
            type         {type}{(type == "rsa" ? $", {key.Bits} bits" : "")}
            public key   {Convert.ToBase64String(key.ExportPublicKey())}

            Next: mailkey records <domain> --key {name}={file.FullName}
            """);
        return ExitCode.Yes;
    }
}
