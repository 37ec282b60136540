using Mailkey.Hosting;

var builder = ServiceHost.CreateBuilder("verifier", args);

var app = builder.Build();
app.MapHealth();
app.Run();
