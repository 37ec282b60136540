using Mailkey.Delivery;
using Mailkey.Hosting;

var builder = ServiceHost.CreateBuilder("delivery", args);
builder.Services.AddDelivery();

var app = builder.Build();
app.MapHealth();
app.Run();
