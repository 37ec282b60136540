using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Mailkey.Tool.Journal;

namespace Mailkey.Tool.Agreements;

/// <summary><c>mailkey agreements</c></summary>
internal static class AgreementsCommand
{
    private const int PageSize = 200;

    public static Command Create(ToolConsole console, TimeProvider time)
    {
        var connection = new AgreementsConnection(console, time);
        return new ToolCommand(
            "agreements",
            "Negotiate, judge and end forwarding agreements, over the HTTP API.",
            """
            An agreement says that an organisation may forward a subscription (a list, a newsletter, an alias) to a user here,
            and on which terms. Whoever forwards calls with its key, everybody else with a mail account; what you see and may
            do follows from that.

            A forwarder's way: contact, publish the record that is shown, propose, and look what becomes of it.
              mailkey agreements contact lists.example.net --contact postmaster@lists.example.net \
                --callback https://lists.example.net/agreements -k 2026a.pem --as lists.example.net/2026a
              mailkey agreements propose ann@example.org --category mailing-list --subscription dev.lists.example.net \
                -k 2026a.pem --as lists.example.net/2026a

            An operator's: what waits, and a decision.
              mailkey agreements list --status awaiting-approval -a postmaster@example.org
              mailkey agreements approve AGREEMENT -a postmaster@example.org
            """)
        {
            Contact(console, connection),
            List(console, connection),
            Show(console, connection),
            History(console, connection),
            Propose(console, connection),
            Decide(console, connection, "approve", "Let an agreement or an organisation come into force; for operators.", isReasonNeeded: false),
            Decide(console, connection, "refuse", "Say no: as the user who was asked, or as an operator.", isReasonNeeded: true),
            Renegotiate(console, connection),
            Revoke(console, connection),
            Export(console, connection),
        };
    }

    private static ToolCommand Contact(ToolConsole console, AgreementsConnection connection)
    {
        var domain = new Argument<string>("domain") { Description = "The organisation that forwards." };
        var contact = new Option<string>("--contact") { Description = "Mail address of its postmaster.", Required = true };
        var callback = new Option<string>("--callback") { Description = "HTTPS address that is told what happens to its agreements.", Required = true };
        var command = connection.With(new ToolCommand(
            "contact",
            "Make contact for the first time, or say where you can be reached now.",
            """
            The signature proves the key; the TXT record that is printed proves the domain. Then time has to pass, and a person
            may have to look. Ask again with the same command.

            Example:
              mailkey agreements contact lists.example.net --contact postmaster@lists.example.net \
                --callback https://lists.example.net/agreements -k 2026a.pem --as lists.example.net/2026a --url https://mx.example.org
            """)
        { domain, contact, callback });
        command.SetAction(async (result, cancellationToken) =>
        {
            var body = new JsonObject { ["contact"] = result.GetValue(contact), ["callback"] = result.GetValue(callback) };
            return await connection.SendAsync(result, HttpMethod.Put, $"/v1/organizations/{Uri.EscapeDataString(result.GetValue(domain)!)}", body, cancellationToken) is { } reply
                ? Print(console, connection, result, reply, PrintOrganization)
                : ExitCode.NotDone;
        });
        return command;
    }

    private static ToolCommand List(ToolConsole console, AgreementsConnection connection)
    {
        var status = new Option<string?>("--status") { Description = "Only these, such as active-probation,suspended; for operators with awaiting-approval also organisations that wait." };
        var category = new Option<string?>("--category") { Description = "Only this category, such as newsletter." };
        var forwarder = new Option<string?>("--forwarder") { Description = "Only agreements with this organisation." };
        var of = new Option<string?>("--of") { Description = "Only agreements of this account; for operators." };
        var byCategory = new Option<bool>("--by-category") { Description = "Category by category; for the list of one account." };
        var command = connection.With(new ToolCommand(
            "list",
            "List agreements, in the order in which they were proposed.",
            """
            A forwarder sees its own, a user those about mail to the account, an operator all. Each line: state, category,
            forwarder, recipient, subscription, id.

            Examples:
              mailkey agreements list -a ann@example.org --by-category
              mailkey agreements list -a postmaster@example.org --status awaiting-approval
              mailkey agreements list -k 2026a.pem --as lists.example.net/2026a --json
            """)
        { status, category, forwarder, of, byCategory });
        command.SetAction(async (result, cancellationToken) =>
        {
            var query = QueryOf(
                ("status", result.GetValue(status)), ("category", result.GetValue(category)), ("forwarder", result.GetValue(forwarder)), ("account", result.GetValue(of)),
                ("order", result.GetValue(byCategory) ? "category" : null));
            var isAny = false;
            var exit = await EachAsync(connection, result, "/v1/agreements", query, item =>
            {
                isAny = true;
                console.Text.WriteLine(connection.WantsJson(result)
                    ? item.ToJsonString()
                    : string.Join("  ", ((string[])["state", "category", "forwarder", "recipient", "subscription", "id"]).Select(name => TextOf(item, name))));
            }, cancellationToken);
            if (exit == ExitCode.Yes && !isAny && !connection.WantsJson(result))
            {
                console.Text.WriteLine("none");
            }

            // Organisations that wait for a person, for the person who asks what waits.
            if (exit != ExitCode.Yes || result.GetValue(status) != "awaiting-approval" || connection.DomainOf(result) is not null
                || await connection.SendAsync(result, HttpMethod.Get, "/v1/organizations?status=awaiting-approval", null, cancellationToken) is not { IsGood: true } organizations)
            {
                return exit;
            }

            foreach (var item in (organizations.Json?["items"] as JsonArray ?? []).OfType<JsonObject>())
            {
                console.Text.WriteLine(connection.WantsJson(result) ? item.ToJsonString() : $"{TextOf(item, "status")}  organisation  {TextOf(item, "domain")}  {TextOf(item, "contact")}");
            }

            return exit;
        });
        return command;
    }

    private static ToolCommand Show(ToolConsole console, AgreementsConnection connection)
    {
        var id = new Argument<string>("what") { Description = "The agreement's id, or the domain of an organisation." };
        var command = connection.With(new ToolCommand(
            "show",
            "Show an agreement with every version of its terms, or the standing of an organisation.",
            """
            Examples:
              mailkey agreements show AGREEMENT -a ann@example.org
              mailkey agreements show lists.example.net -k 2026a.pem --as lists.example.net/2026a
            """)
        { id });
        command.SetAction(async (result, cancellationToken) =>
        {
            var what = result.GetValue(id)!;
            return await connection.SendAsync(result, HttpMethod.Get, PathOf(what), null, cancellationToken) is { } reply
                ? Print(console, connection, result, reply, IsOrganization(what) ? PrintOrganization : PrintAgreement)
                : ExitCode.NotDone;
        });
        return command;
    }

    private static ToolCommand History(ToolConsole console, AgreementsConnection connection)
    {
        var id = new Argument<string>("agreement") { Description = "The agreement's id." };
        var command = connection.With(new ToolCommand(
            "history",
            "Print all that happened to an agreement: when, what, by whom.",
            """
            A forwarder sees what happened and when, but not what a user said. An operator of this system can also read the
            ledger itself: mailkey ledger history.

            Example:
              mailkey agreements history AGREEMENT -a ann@example.org
            """)
        { id });
        command.SetAction(async (result, cancellationToken) =>
            await connection.SendAsync(result, HttpMethod.Get, $"{PathOf(result.GetValue(id)!)}/history", null, cancellationToken) is { } reply
                ? Print(console, connection, result, reply, (text, json) =>
                {
                    foreach (var item in (json["items"] as JsonArray ?? []).OfType<JsonObject>())
                    {
                        text.WriteLine($"{TextOf(item, "at")}  {TextOf(item, "event")}  by {TextOf(item, "actor")}");
                        if (item["data"] is JsonObject { Count: > 0 } data)
                        {
                            text.WriteLine($"    {LifeOfMessage.Text(data.ToJsonString())}");
                        }
                    }
                })
                : ExitCode.NotDone);
        return command;
    }

    private static ToolCommand Propose(ToolConsole console, AgreementsConnection connection)
    {
        var recipient = new Argument<string>("recipient") { Description = "Address of the user whom mail is forwarded to." };
        var category = new Option<string>("--category") { Description = "dot-forward, alias, mailing-list, newsletter, backup-mx, or another word.", Required = true };
        var subscription = new Option<string>("--subscription") { Description = "The List-Id, or your name of the recipe.", Required = true };
        var name = new Option<string?>("--name") { Description = "What the user knows it as." };
        var forwarder = new Option<string?>("--forwarder") { Description = "The organisation that forwards. Default: the one that signs." };
        var method = new Option<string[]>("--method") { Description = "How messages will show which agreement they are for: auth, reference, address. Repeat for several.", DefaultValueFactory = _ => ["reference"] };
        method.AcceptOnlyFromAmong("auth", "reference", "address");
        var request = new Option<string?>("--request") { Description = "A word for this request: with the same word it is done once. Default: a new one each time." };
        var terms = new TermsOptions();
        var command = connection.With(terms.AddTo(new ToolCommand(
            "propose",
            "Propose an agreement.",
            """
            The answer is the agreement as it is now: the user has yet to consent, perhaps a person to approve. Look again with:
            mailkey agreements show. The same proposal twice is one agreement.

            Example:
              mailkey agreements propose ann@example.org --category mailing-list --subscription dev.lists.example.net \
                --name "Developers" --method reference --method address --spf forwarder-domain --dnsbl skip --rate 200 \
                -k 2026a.pem --as lists.example.net/2026a --url https://mx.example.org
            """)
        { recipient, category, subscription, name, forwarder, method, request }));
        command.SetAction(async (result, cancellationToken) =>
        {
            var body = new JsonObject
            {
                ["recipient"] = result.GetValue(recipient),
                ["category"] = result.GetValue(category),
                ["subscription"] = result.GetValue(subscription),
                ["methods"] = new JsonArray([.. result.GetValue(method)!.Select(word => (JsonNode)word)]),
                ["terms"] = terms.Change(result, TermsOptions.Default()),
            };
            Add(body, "displayName", result.GetValue(name));
            Add(body, "forwarder", result.GetValue(forwarder));

            // Each run asks anew; two equal proposals are one agreement anyway, as long as it is not over.
            var key = result.GetValue(request) ?? Guid.NewGuid().ToString("N");
            return await connection.SendAsync(result, HttpMethod.Post, "/v1/agreements", body, cancellationToken, key) is { } reply
                ? Print(console, connection, result, reply, PrintAgreement)
                : ExitCode.NotDone;
        });
        return command;
    }

    private static ToolCommand Decide(ToolConsole console, AgreementsConnection connection, string decision, string description, bool isReasonNeeded)
    {
        var what = new Argument<string>("what") { Description = "The agreement's id, or the domain of an organisation." };
        var reason = new Option<string?>("--reason") { Description = isReasonNeeded ? "Why; one line. An operator has to say." : "A note; one line." };
        var command = connection.With(new ToolCommand(
            decision,
            description,
            $"""
            Examples:
              mailkey agreements {decision} AGREEMENT{(isReasonNeeded ? " --reason \"nobody here ordered that\"" : "")} -a postmaster@example.org
              mailkey agreements {decision} lists.example.net{(isReasonNeeded ? " --reason \"unknown\"" : "")} -a postmaster@example.org
            """)
        { what, reason });
        command.SetAction(async (result, cancellationToken) =>
        {
            var subject = result.GetValue(what)!;
            var body = new JsonObject { ["decision"] = decision };
            Add(body, "reason", result.GetValue(reason));
            return await connection.SendAsync(result, HttpMethod.Post, $"{PathOf(subject)}/decisions", body, cancellationToken) is { } reply
                ? Print(console, connection, result, reply, IsOrganization(subject) ? PrintOrganization : PrintAgreement)
                : ExitCode.NotDone;
        });
        return command;
    }

    private static ToolCommand Renegotiate(ToolConsole console, AgreementsConnection connection)
    {
        var id = new Argument<string>("agreement") { Description = "The agreement's id." };
        var accept = new Option<int?>("--accept") { Description = "Accept the terms of this version, which the other side proposed." };
        var decline = new Option<int?>("--decline") { Description = "Decline them." };
        var withdraw = new Option<int?>("--withdraw") { Description = "Take your own proposal back." };
        var text = new Option<string?>("--text") { Description = "What a user who grants more consents to, in the words that were shown." };
        var reason = new Option<string?>("--reason") { Description = "Why not; one line, with --decline." };
        var terms = new TermsOptions();
        var command = connection.With(terms.AddTo(new ToolCommand(
            "renegotiate",
            "Ask for other terms, or answer to terms that are proposed.",
            """
            Only what is named changes. Terms that grant the forwarder less bind at once, from the next transaction on; what
            grants more waits for the user.

            Examples:
              mailkey agreements renegotiate AGREEMENT --rate 500 -k 2026a.pem --as lists.example.net/2026a
              mailkey agreements renegotiate AGREEMENT --dnsbl check -a ann@example.org
              mailkey agreements renegotiate AGREEMENT --accept 2 --text "500 messages a day" -a ann@example.org
            """)
        { id, accept, decline, withdraw, text, reason }));
        command.SetAction(async (result, cancellationToken) =>
        {
            var path = PathOf(result.GetValue(id)!);
            foreach (var (answer, version) in ((string, int?)[])[("accept", result.GetValue(accept)), ("decline", result.GetValue(decline)), ("withdraw", result.GetValue(withdraw))])
            {
                if (version is { } number)
                {
                    var body = new JsonObject { ["answer"] = answer };
                    Add(body, "text", result.GetValue(text));
                    Add(body, "reason", result.GetValue(reason));
                    return await connection.SendAsync(
                        result, HttpMethod.Post, string.Create(CultureInfo.InvariantCulture, $"{path}/proposals/{number}/answer"), body, cancellationToken) is { } answered
                        ? Print(console, connection, result, answered, PrintAgreement)
                        : ExitCode.NotDone;
                }
            }

            if (!terms.IsAnyGiven(result))
            {
                return console.Fail("name a term, such as --rate 500, or --accept, --decline or --withdraw with a version.");
            }

            if (await connection.SendAsync(result, HttpMethod.Get, path, null, cancellationToken) is not { } current)
            {
                return ExitCode.NotDone;
            }

            if (!current.IsGood || current.Json?["terms"] is not JsonObject known)
            {
                return connection.Refused(current);
            }

            var proposal = new JsonObject { ["terms"] = terms.Change(result, known.DeepClone().AsObject()) };
            Add(proposal, "text", result.GetValue(text));
            return await connection.SendAsync(result, HttpMethod.Post, $"{path}/proposals", proposal, cancellationToken) is { } reply
                ? Print(console, connection, result, reply, PrintAgreement)
                : ExitCode.NotDone;
        });
        return command;
    }

    private static ToolCommand Revoke(ToolConsole console, AgreementsConnection connection)
    {
        var id = new Argument<string>("agreement") { Description = "The agreement's id." };
        var reason = new Option<string?>("--reason") { Description = "Why; one line." };
        var command = connection.With(new ToolCommand(
            "revoke",
            "End an agreement, from either side: unsubscribe, withdraw, revoke.",
            """
            It acts from the next transaction on, and the other side is told. Its history stays.

            Example:
              mailkey agreements revoke AGREEMENT --reason "list closed" -k 2026a.pem --as lists.example.net/2026a
            """)
        { id, reason });
        command.SetAction(async (result, cancellationToken) =>
            await connection.SendAsync(result, HttpMethod.Delete, PathOf(result.GetValue(id)!) + QueryOf(("reason", result.GetValue(reason))), null, cancellationToken) is { } reply
                ? Print(console, connection, result, reply, PrintAgreement)
                : ExitCode.NotDone);
        return command;
    }

    private static ToolCommand Export(ToolConsole console, AgreementsConnection connection)
    {
        var digest = new Option<bool>("--digest") { Description = "Only the digest of those that have not ended, to be compared with that of your recipes." };
        var forwarder = new Option<string?>("--forwarder") { Description = "Only agreements with this organisation." };
        var command = connection.With(new ToolCommand(
            "export",
            "Write all agreements that you may see as JSON, one in each line.",
            """
            For whole histories with their hashes, on the receiver: mailkey ledger export.

            Examples:
              mailkey agreements export -k 2026a.pem --as lists.example.net/2026a > agreements.jsonl
              mailkey agreements export --digest -k 2026a.pem --as lists.example.net/2026a
            """)
        { digest, forwarder });
        command.SetAction(async (result, cancellationToken) =>
        {
            if (!result.GetValue(digest))
            {
                return await EachAsync(connection, result, "/v1/agreements", QueryOf(("forwarder", result.GetValue(forwarder))), item => console.Text.WriteLine(item.ToJsonString()), cancellationToken);
            }

            if (await connection.SendAsync(result, HttpMethod.Get, "/v1/agreements" + QueryOf(("digest", "1"), ("forwarder", result.GetValue(forwarder))), null, cancellationToken) is not { } reply)
            {
                return ExitCode.NotDone;
            }

            if (!reply.IsGood)
            {
                return connection.Refused(reply);
            }

            console.Text.WriteLine(reply.Json!.ToJsonString());
            return ExitCode.Yes;
        });
        return command;
    }

    // Page after page.
    private static async Task<int> EachAsync(AgreementsConnection connection, ParseResult result, string path, string query, Action<JsonObject> print, CancellationToken cancellationToken)
    {
        string? after = null;
        do
        {
            var page = string.Create(CultureInfo.InvariantCulture, $"{path}{query}{(query.Length == 0 ? '?' : '&')}limit={PageSize}{(after is null ? "" : $"&after={after}")}");
            if (await connection.SendAsync(result, HttpMethod.Get, page, null, cancellationToken) is not { } reply)
            {
                return ExitCode.NotDone;
            }

            if (!reply.IsGood || reply.Json?["items"] is not JsonArray items)
            {
                return connection.Refused(reply);
            }

            foreach (var item in items.OfType<JsonObject>())
            {
                print(item);
            }

            after = (string?)reply.Json["next"];
        }
        while (after is not null);
        return ExitCode.Yes;
    }

    private static int Print(ToolConsole console, AgreementsConnection connection, ParseResult result, ApiReply reply, Action<TextWriter, JsonObject> print)
    {
        if (!reply.IsGood || reply.Json is not JsonObject json)
        {
            return connection.Refused(reply);
        }

        if (connection.WantsJson(result))
        {
            console.Text.WriteLine(json.ToJsonString());
        }
        else
        {
            print(console.Text, json);
        }

        return ExitCode.Yes;
    }

    private static void PrintAgreement(TextWriter text, JsonObject agreement)
    {
        foreach (var name in (string[])["id", "state", "waitsFor", "answerBy", "forwarder", "recipient", "account", "category", "subscription", "displayName", "methods", "trust", "holds", "address"])
        {
            PrintProperty(text, agreement, name);
        }

        foreach (var version in (agreement["versions"] as JsonArray ?? []).OfType<JsonObject>())
        {
            text.WriteLine($"terms {TextOf(version, "number")} ({TextOf(version, "standing")}, by {TextOf(version, "by")}): {LifeOfMessage.Text(version["terms"]?.ToJsonString() ?? "")}");
        }
    }

    private static void PrintOrganization(TextWriter text, JsonObject organization)
    {
        foreach (var name in (string[])["domain", "status", "until", "contact", "callback", "proofs", "missingProofs", "holds"])
        {
            PrintProperty(text, organization, name);
        }

        if (organization["missingProofs"] is JsonArray { Count: > 0 } && organization["challenge"] is JsonObject challenge)
        {
            text.WriteLine($"publish: {TextOf(challenge, "name")}. TXT \"{TextOf(challenge, "text")}\"");
        }

        if (organization["standing"] is JsonObject standing)
        {
            text.WriteLine($"trust: {TextOf(standing, "trust")}; {TextOf(standing, "agreements")} agreements, {TextOf(standing, "messages")} messages, {TextOf(standing, "complaints")} complaints; {TextOf(standing, "proposalsLeftToday")} proposals left today");
            foreach (var need in (standing["missing"] as JsonArray ?? []).OfType<JsonObject>())
            {
                text.WriteLine($"for more trust: {TextOf(need, "what")} is {TextOf(need, "is")}, needed {TextOf(need, "needed")}");
            }
        }
    }

    private static void PrintProperty(TextWriter text, JsonObject json, string name)
    {
        if (json[name] is { } value and not JsonArray { Count: 0 })
        {
            text.WriteLine($"{name}: {(value is JsonArray list ? string.Join(", ", list.Select(item => LifeOfMessage.Text(item?.ToString() ?? ""))) : TextOf(json, name))}");
        }
    }

    private static string TextOf(JsonObject json, string name) => LifeOfMessage.Text(json[name]?.ToString() ?? "");

    private static void Add(JsonObject json, string name, string? value)
    {
        if (value is not null)
        {
            json[name] = value;
        }
    }

    // An id has no dot, a domain has one at least.
    private static bool IsOrganization(string what) => what.Contains('.', StringComparison.Ordinal);

    private static string PathOf(string what) => $"/v1/{(IsOrganization(what) ? "organizations" : "agreements")}/{Uri.EscapeDataString(what)}";

    private static string QueryOf(params ReadOnlySpan<(string Name, string? Value)> parameters)
    {
        List<string> given = [];
        foreach (var (name, value) in parameters)
        {
            if (value is not null)
            {
                given.Add($"{name}={Uri.EscapeDataString(value)}");
            }
        }

        return given.Count == 0 ? "" : $"?{string.Join('&', given)}";
    }
}
