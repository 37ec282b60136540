using Mailkey.Hosting;
using Mailkey.Status;

var builder = ServiceHost.CreateBuilder("status", args);
builder.AddStatusPage();

var app = builder.Build();
app.UseStatusPage();
app.MapHealth();
app.Run();
