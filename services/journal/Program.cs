using Mailkey.Hosting;

var builder = ServiceHost.CreateBuilder("journal", args);

var app = builder.Build();
app.MapHealth();
app.Run();
