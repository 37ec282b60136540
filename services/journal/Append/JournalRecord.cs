using Mailkey.Journal.Search;
using Mailkey.Ledger;

namespace Mailkey.Journal.Append;

/// <summary>What one event leaves in the journal: itself, and a line of the search table.</summary>
/// <param name="Event">For the stream of the message.</param>
/// <param name="Message">Null for an event that says nothing about the state of its message.</param>
internal sealed record JournalRecord(NewEvent Event, MessageRow? Message);
