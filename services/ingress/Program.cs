using Mailkey.Hosting;

var builder = ServiceHost.CreateBuilder("ingress", args);

var app = builder.Build();
app.MapHealth();
app.Run();
