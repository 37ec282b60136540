using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Mailkey.Hosting.Options;

/// <summary>The database.</summary>
public sealed class PostgresOptions
{
    [Required, Description("Npgsql connection string. Secret: give it by environment.")]
    public string ConnectionString { get; set; } = "Host=localhost;Database=mailkey;Username=mailkey";
}
