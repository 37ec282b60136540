using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Desk;
using Mailkey.Agreements.Organizations;
using Mailkey.Agreements.Tests.Agreements;

namespace Mailkey.Agreements.Tests;

/// <summary>What is stored is stored for ever: its names and forms are frozen here.</summary>
public sealed class EventJsonTests
{
    private static readonly DateTimeOffset Then = new(2026, 12, 1, 9, 30, 0, TimeSpan.Zero);
    private static readonly Probation Probation = new(20, 5242880, Then);

    private static readonly object[] Samples =
    [
        new AgreementProposed
        {
            Forwarder = "a.example",
            Recipient = "alice@b.example",
            Account = "alice@b.example",
            Category = "mailing-list",
            Subscription = "dev.lists.a.example",
            DisplayName = "Developers of A",
            Methods = [AgreementMethod.Auth, AgreementMethod.Reference, AgreementMethod.Address],
            By = Party.Forwarder,
            Terms = Story.Terms with { Dnsbl = DnsblTerm.SkipZones, DnsblZones = ["bl.example"], Expires = Then },
            Evidence = new(Then, "192.0.2.9", "Subscribe me."),
            AnswerBy = Then,
        },
        new AgreementProposed
        {
            Forwarder = "a.example",
            Recipient = "alice@b.example",
            Account = "alice@b.example",
            Category = "alias",
            Subscription = "alice",
            Methods = [AgreementMethod.Reference],
            By = Party.User,
            Terms = Story.Terms with { Feedback = Feedback.Off },
            AnswerBy = Then,
        },
        new ProofRequested([ProofKind.Organization, ProofKind.RequestSignature, ProofKind.Recipe], Then),
        new ProofAccepted([ProofKind.RequestSignature], Then),
        new ConsentRequested(1, Consent.HashOf("Do you?"), Then),
        new ConsentGiven(1, Story.Answer.By("alice@b.example", Then)!),
        new ApprovalRequested(["category", "risk"], Then),
        new ApprovalGiven(1, "well known"),
        new ApprovalGiven(1, null),
        new AgreementActivated(1, Probation),
        new TermsProposed(2, Story.Terms, Party.Operator, [Party.User, Party.Forwarder], Then),
        new TermsAccepted(2, Party.User),
        new TermsAgreed(2),
        new TermsDeclined(2, Party.User, "too many"),
        new TermsWithdrawn(2),
        new TermsLapsed(2),
        new AddressAssigned("alice-x@b.example", null),
        new AddressAssigned("alice-y@b.example", "alice-x@b.example"),
        new AddressLeaked("alice-y@b.example", "q1"),
        new CredentialIssued("one", null),
        new CredentialIssued("two", Then),
        new CredentialWithdrawn("one"),
        new TrafficRecorded(new(2026, 12, 1), 7),
        new ComplaintReceived(ComplaintScope.Series, ComplaintClass.UnsubscribeIgnored, "q1"),
        new MisuseObserved(MisuseKind.AddressUsedByAnother, "s1"),
        new MessageReplayed(new(2026, 11, 22), "q1"),
        new AgreementPromoted(12, 3),
        new AgreementDemoted(DemotionReason.AfterSuspension, Probation),
        new AgreementPaused(),
        new AgreementResumed(),
        new AgreementSuspended(Hold.AddressLeak, "address-used-by-another"),
        new SuspensionLifted(Hold.AddressLeak),
        new AgreementRefused(RefusedBy.User, null),
        new AgreementExpired(AgreementPhase.AwaitingConsent),
        new AgreementReopened(AgreementPhase.AwaitingConsent, Then),
        new AgreementRevoked(Party.User, "enough"),
        new OrganizationContacted("a.example", "postmaster@a.example", "https://a.example/agreements", "192.0.2.0/24", "mailkey-challenge=x", Then),
        new OrganizationContactChanged("postmaster@a.example", "https://a.example/agreements"),
        new OrganizationProven(OrganizationProof.Dns, "_mailkey-agreements.a.example"),
        new OrganizationWaiting(Then),
        new OrganizationApprovalRequested(Then),
        new OrganizationApproved(null),
        new OrganizationVerified(Then),
        new ProposalAdmitted("id", "192.0.2.0/24", new(2026, 12, 1)),
        new OrganizationHistoryRecorded(new(2026, 12, 1), 6, 120, 1, 0),
        new OrganizationPromoted(900, 12, 1),
        new OrganizationDemoted(OrganizationDemotion.AfterSuspension, Then),
        new OrganizationProofLost(OrganizationProof.Key, "no key set"),
        new OrganizationSuspended(OrganizationHold.Proof, "no key set"),
        new OrganizationSuspensionLifted(OrganizationHold.Proof),
        new OrganizationRefused(OrganizationRefusedBy.Operator, "unknown"),
        new OrganizationLapsed(OrganizationStatus.AwaitingProof),
        new OrganizationBanned("sends what nobody ordered"),
        new OrganizationBanLifted(),
        new SubscriptionReserved("id"),
    ];

    private static (string Name, Type Type)[] All => [.. AgreementEvents.All, .. OrganizationEvents.All, (EventNameAttribute.Of(typeof(SubscriptionReserved)), typeof(SubscriptionReserved))];

    [Fact]
    public void Events_are_written_as_they_always_were()
    {
        var text = new StringBuilder();
        foreach (var sample in Samples)
        {
            text.Append(EventNameAttribute.Of(sample.GetType())).Append(' ').Append(Write(sample)).Append('\n');
        }

        Golden.Verify("EventJson.txt", text.ToString());
    }

    [Fact]
    public void Events_are_read_as_they_were_written()
    {
        foreach (var sample in Samples)
        {
            var json = Write(sample);
            Assert.Equal(json, Write(JsonSerializer.Deserialize(json, sample.GetType(), AgreementsJson.Default)!));
        }
    }

    [Fact]
    public void Events_are_all_listed_named_and_sampled()
    {
        var types = typeof(AgreementEvents).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(AgreementEvent)) || type.IsSubclassOf(typeof(OrganizationEvent)) || type == typeof(SubscriptionReserved));
        Assert.Equal(types.Select(t => t.Name).Order(StringComparer.Ordinal), All.Select(e => e.Type.Name).Order(StringComparer.Ordinal));
        Assert.Equal(All.Length, All.Select(e => e.Name).Distinct(StringComparer.Ordinal).Count());
        Assert.All(All, e => Assert.Matches("^[a-z]+(-[a-z]+)*$", e.Name));
        Assert.Equal(All.Select(e => e.Name).Order(StringComparer.Ordinal), Samples.Select(s => EventNameAttribute.Of(s.GetType())).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));
        Assert.All(All, e => Assert.NotNull(AgreementsJson.Default.GetTypeInfo(e.Type)));
    }

    [Fact]
    public void Events_hold_no_floating_point_and_no_null()
    {
        foreach (var sample in Samples)
        {
            Visit(JsonNode.Parse(Write(sample)), EventNameAttribute.Of(sample.GetType()));
        }

        static void Visit(JsonNode? node, string name)
        {
            Assert.NotNull(node);
            switch (node)
            {
                case JsonObject properties:
                    Assert.All(properties, property => Assert.Matches("^[a-z][A-Za-z]*$", property.Key));
                    foreach (var property in properties)
                    {
                        Visit(property.Value, name);
                    }

                    break;
                case JsonArray items:
                    foreach (var item in items)
                    {
                        Visit(item, name);
                    }

                    break;
                case var value when value.GetValueKind() == JsonValueKind.Number:
                    Assert.True(long.TryParse(value.ToJsonString(), out _), $"{name}: {value.ToJsonString()}");
                    break;
            }
        }
    }

    [Fact]
    public void Events_refuse_enumerations_as_numbers()
    {
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize("""{"version":2,"by":1}""", AgreementsJson.Default.TermsAccepted));
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize("""{"version":2,"by":"nobody"}""", AgreementsJson.Default.TermsAccepted));
    }

    [Fact]
    public void Events_bear_what_a_later_version_adds() =>
        Assert.Equal(new TermsAgreed(2), JsonSerializer.Deserialize("""{"version":2,"addedLater":{"x":[1]}}""", AgreementsJson.Default.TermsAgreed));

    private static string Write(object value) => JsonSerializer.Serialize(value, value.GetType(), AgreementsJson.Default);
}
