using Mailkey.Hosting;
using Mailkey.Ingress;
using Mailkey.Ingress.Intake;

var builder = ServiceHost.CreateBuilder("ingress", args);
builder.AddSmtp();
builder.Services.AddIntake();

var app = builder.Build();
app.MapHealth();
app.Run();
