using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Mailkey.Hosting.Options;

/// <summary>Verifying DKIM signatures with the keys of their own domains.</summary>
public sealed class DkimOptions
{
    [Description("Time for the keys of all signatures of a message; a signature whose key is not there by then is a temperror.")]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(5);

    [Range(1, 100000), Description("Look-ups of keys under way at the same time in one verifier; further signatures are temperrors at once, so that slow servers of strangers hold up nothing else. Less than Mailkey:Dns:MaxConcurrent.")]
    public int MaxConcurrent { get; set; } = 300;

    [Range(0, 10000000), Description("Deliveries that one verifier remembers for up to a day, to count how often a good DKIM signature comes again for other recipients; 100 octets each. 0: no counting.")]
    public int SeenEntries { get; set; } = 200_000;
}
