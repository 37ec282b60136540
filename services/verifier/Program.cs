using Mailkey.Hosting;
using Mailkey.Verifier;

var builder = ServiceHost.CreateBuilder("verifier", args);
builder.AddVerifier();

var app = builder.Build();
app.MapHealth();
app.Run();
