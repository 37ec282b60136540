using Mailkey.Hosting;
using Mailkey.Journal;

var builder = ServiceHost.CreateBuilder("journal", args);
builder.Services.AddMessageJournal();

var app = builder.Build();
app.MapHealth();
app.Run();
