using Mailkey.Hosting;

var builder = ServiceHost.CreateBuilder("delivery", args);

var app = builder.Build();
app.MapHealth();
app.Run();
