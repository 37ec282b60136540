using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Mailkey.Hosting.Options;

/// <summary>The journal of message lives.</summary>
public sealed class JournalOptions
{
    [Description("How long a message life is kept.")]
    public TimeSpan Retention { get; set; } = TimeSpan.FromDays(90);
}
