using Mailkey.Agreements.Decisions;

namespace Mailkey.Agreements.Desk;

/// <summary>Ways in which a command is refused before a decider sees it. The codes stay.</summary>
public static class DeskRefusals
{
    public static readonly Refusal UnknownRecipient = new("unknown-recipient", "There is no such recipient here.");
}
