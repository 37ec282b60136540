using Mailkey.Hosting;
using Mailkey.Ingress;

var builder = ServiceHost.CreateBuilder("ingress", args);
builder.AddIngress();

var app = builder.Build();
app.MapHealth();
app.Run();
