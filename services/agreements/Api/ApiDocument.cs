using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Mailkey.Agreements.Api;

/// <summary>What the OpenAPI document says beyond what the routes say of themselves.</summary>
internal static class ApiDocument
{
    private const string Signature = "httpSignature";
    private const string Basic = "basic";

    public static void Describe(OpenApiOptions options)
    {
        options.ShouldInclude = description => description.RelativePath?.StartsWith("v1/", StringComparison.Ordinal) == true;
        options.AddDocumentTransformer((document, _, _) =>
        {
            document.Info = new()
            {
                Title = "Forwarding agreements",
                Version = "1",
                Description = "Agreements between organisations that forward mail and the users here who want it. Errors are problem details (RFC 9457) with a stable code.",
            };

            // Each installation has its own.
            document.Servers = [];
            document.Components ??= new();
            document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>
            {
                [Signature] = new OpenApiSecurityScheme
                {
                    Type = SecuritySchemeType.ApiKey,
                    In = ParameterLocation.Header,
                    Name = "Signature",
                    Description = "HTTP message signature (RFC 9421) under the organisation's mailkey set; keyid is domain/key.",
                },
                [Basic] = new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "basic", Description = "An account of this mail system." },
            };
            document.Security =
            [
                new() { [new OpenApiSecuritySchemeReference(Signature, document)] = [] },
                new() { [new OpenApiSecuritySchemeReference(Basic, document)] = [] },
            ];
            return Task.CompletedTask;
        });
    }
}
