using Mailkey.Hosting.Postgres;

namespace Mailkey.Senders;

/// <summary>
/// The tables of what a receiver knows about sender domains. They belong to the verifier, which writes most of them; the status
/// page and the operator's command read them through this library, and no other way.
/// </summary>
public static class SenderSchema
{
    internal const string Name = "verifier";

    /// <summary>All steps, in order.</summary>
    public static IReadOnlyList<SchemaMigration> Migrations { get; } =
    [
        new(
            Name,
            "key-set-pins-1",
            """
            CREATE TABLE verifier.key_set_pins (
                domain text PRIMARY KEY,
                serial bigint,
                first_seen timestamptz NOT NULL,
                last_seen timestamptz NOT NULL,
                absent_since timestamptz,
                changed_at timestamptz NOT NULL DEFAULT now());
            CREATE INDEX key_set_pins_changed_at ON verifier.key_set_pins (changed_at);
            CREATE INDEX key_set_pins_last_seen ON verifier.key_set_pins (last_seen);
            """),
        new(
            Name,
            "domain-events-1",
            """
            ALTER TABLE verifier.key_set_pins ADD COLUMN refused_serial bigint, ADD COLUMN refused_since timestamptz;
            CREATE TABLE verifier.domain_events (
                id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                domain text NOT NULL,
                kind text NOT NULL,
                at timestamptz NOT NULL,
                serial bigint,
                offered_serial bigint,
                last_seen timestamptz NOT NULL);
            CREATE INDEX domain_events_domain ON verifier.domain_events (domain, id DESC);
            CREATE INDEX domain_events_at ON verifier.domain_events (at);
            """),
        new(
            Name,
            "domain-failures-1",
            """
            CREATE TABLE verifier.domain_failures (
                domain text NOT NULL,
                hour timestamptz NOT NULL,
                cause text NOT NULL,
                permanent boolean NOT NULL,
                count bigint NOT NULL,
                last_at timestamptz NOT NULL,
                PRIMARY KEY (domain, hour, cause, permanent));
            CREATE INDEX domain_failures_hour ON verifier.domain_failures (hour);
            """),
        new(
            Name,
            "domain-checks-1",
            """
            CREATE TABLE verifier.domain_checks (
                domain text PRIMARY KEY,
                checked_at timestamptz NOT NULL,
                findings jsonb);
            CREATE INDEX domain_checks_checked_at ON verifier.domain_checks (checked_at);
            """),
    ];
}
