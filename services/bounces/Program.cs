using Mailkey.Bounces;
using Mailkey.Hosting;

var builder = ServiceHost.CreateBuilder("bounces", args);
builder.Services.AddBounces();

var app = builder.Build();
app.MapHealth();
app.Run();
