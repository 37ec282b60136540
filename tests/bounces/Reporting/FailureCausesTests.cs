using Mailkey.Bounces.Reporting;

namespace Mailkey.Bounces.Tests.Reporting;

public sealed class FailureCausesTests
{
    [Theory]
    [InlineData("5.1.1", FailureCause.UnknownUser)]
    [InlineData("5.1.2", FailureCause.UnknownHost)]
    [InlineData("5.1.10", FailureCause.UnknownHost)]
    [InlineData("5.4.4", FailureCause.UnknownHost)]
    [InlineData("5.1.8", FailureCause.SenderRefused)]
    [InlineData("5.2.1", FailureCause.MailboxDisabled)]
    [InlineData("4.2.2", FailureCause.MailboxFull)]
    [InlineData("5.2.3", FailureCause.TooLarge)]
    [InlineData("5.3.4", FailureCause.TooLarge)]
    [InlineData("5.3.0", FailureCause.System)]
    [InlineData("4.4.7", FailureCause.Expired)]
    [InlineData("5.4.1", FailureCause.Network)]
    [InlineData("5.6.0", FailureCause.ContentRefused)]
    [InlineData("5.7.1", FailureCause.PolicyRefused)]
    [InlineData("5.5.0", FailureCause.Other)]
    [InlineData("5.0.0", FailureCause.Other)]
    [InlineData("", FailureCause.Other)]
    [InlineData("5.1", FailureCause.Other)]
    [InlineData("5.x.1", FailureCause.Other)]
    [InlineData("5.99999999999.1", FailureCause.Other)]
    public void FailureCauses_class_follows_from_the_enhanced_code(string status, FailureCause cause) =>
        Assert.Equal(cause, FailureCauses.OfFailure(status));
}
