using System.Security.Cryptography;
using System.Text;

namespace Mailkey.Status.Pages;

/// <summary>The style sheet: part of the page, and the only thing that its security policy lets in.</summary>
internal static class Style
{
    public const string Sheet = """
        :root{color-scheme:light dark;--text:#1a1f24;--soft:#57606a;--line:#d0d7de;--back:#fff;--box:#f6f8fa;--link:#0550ae;--good:#116329;--bad:#a40e26;--open:#7d4e00}
        @media (prefers-color-scheme:dark){:root{--text:#e6edf3;--soft:#9aa4af;--line:#343b44;--back:#0f1318;--box:#181d24;--link:#79b8ff;--good:#56d364;--bad:#ff8d85;--open:#e3b341}}
        *{box-sizing:border-box}
        body{margin:0 auto;max-width:46rem;padding:1.5rem 1.25rem 4rem;background:var(--back);color:var(--text);font:1rem/1.6 system-ui,sans-serif;overflow-wrap:anywhere}
        h1{font-size:1.7rem;line-height:1.25;margin:1.2rem 0 .3rem}
        h2{font-size:1.15rem;margin:2.2rem 0 .4rem}
        p,ul,ol,dl{margin:.5rem 0}
        a{color:var(--link)}
        .soft{color:var(--soft)}
        .state{border-left:.35rem solid var(--soft);background:var(--box);padding:.8rem 1rem;margin:1rem 0;border-radius:.2rem}
        .state strong{font-size:1.15rem}
        .exists{border-color:var(--good)}.exists strong{color:var(--good)}
        .absent{border-color:var(--bad)}.absent strong{color:var(--bad)}
        .unknown{border-color:var(--open)}.unknown strong{color:var(--open)}
        pre{background:var(--box);border:1px solid var(--line);border-radius:.2rem;padding:.6rem .8rem;margin:.4rem 0;white-space:pre-wrap;font:.875rem/1.5 ui-monospace,monospace}
        code{font:.9em ui-monospace,monospace}
        table{border-collapse:collapse;width:100%;font-size:.95rem}
        th,td{text-align:left;vertical-align:top;padding:.35rem .6rem .35rem 0;border-bottom:1px solid var(--line)}
        td.n,th.n{text-align:right;white-space:nowrap;padding-right:0}
        .scroll{overflow-x:auto}
        form{margin:.8rem 0}
        label{display:block;font-weight:600;margin-bottom:.2rem}
        .row{display:flex;gap:.5rem;flex-wrap:wrap}
        input,button{font:inherit;padding:.5rem .8rem;border-radius:.3rem;border:1px solid var(--line);background:var(--back);color:var(--text);min-height:2.75rem}
        input{flex:1 1 14rem;min-width:0}
        button{background:var(--link);border-color:var(--link);color:var(--back);font-weight:600;cursor:pointer}
        a:focus-visible,input:focus-visible,button:focus-visible,.scroll:focus-visible,summary:focus-visible{outline:3px solid var(--open);outline-offset:2px}
        summary{cursor:pointer}
        footer{margin-top:3rem;border-top:1px solid var(--line);padding-top:.8rem;font-size:.9rem}
        """;

    /// <summary>Value of Content-Security-Policy: no script, nothing from anywhere, this style alone.</summary>
    public static string Policy { get; } =
        $"default-src 'none'; style-src 'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(Sheet)))}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
}
