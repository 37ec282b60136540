using System.Security.Cryptography;

namespace Mailkey.Agreements.Portal;

/// <summary>The style sheet and the icon, which are part of the program. Their paths change with them, so that browsers may keep them.</summary>
public static class PortalAssets
{
    public static byte[] Style { get; } = Read("portal.css");

    public static byte[] Icon { get; } = Read("icon.svg");

    public static string StylePath { get; } = $"/portal/{NameOf(Style)}.css";

    public static string IconPath { get; } = $"/portal/{NameOf(Icon)}.svg";

    private static string NameOf(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content).AsSpan(0, 8));

    private static byte[] Read(string name)
    {
        using var stream = typeof(PortalAssets).Assembly.GetManifestResourceStream($"portal/{name}") ?? throw new InvalidOperationException($"{name} is not part of the program.");
        var content = new byte[stream.Length];
        stream.ReadExactly(content);
        return content;
    }
}
