using Mailkey.Hosting;

var builder = ServiceHost.CreateBuilder("agreements", args);

var app = builder.Build();
app.MapHealth();
app.Run();
