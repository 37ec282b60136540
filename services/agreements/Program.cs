using Mailkey.Agreements;
using Mailkey.Hosting;

var builder = ServiceHost.CreateBuilder("agreements", args);
builder.Services.AddAgreements();

var app = builder.Build();
app.MapHealth();
app.Run();
