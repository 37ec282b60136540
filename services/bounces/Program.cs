using Mailkey.Hosting;

var builder = ServiceHost.CreateBuilder("bounces", args);

var app = builder.Build();
app.MapHealth();
app.Run();
