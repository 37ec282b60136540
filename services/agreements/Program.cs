using Mailkey.Agreements;
using Mailkey.Agreements.Api;
using Mailkey.Agreements.Portal;
using Mailkey.Agreements.Web;
using Mailkey.Hosting;

var builder = ServiceHost.CreateBuilder("agreements", args);
builder.Services.AddAgreements();
builder.AddAgreementsWeb();

var app = builder.Build();
app.UseAgreementsWeb(routes =>
{
    routes.MapAgreementsApi();
    routes.MapPortal();
});
app.MapHealth();
app.Run();
