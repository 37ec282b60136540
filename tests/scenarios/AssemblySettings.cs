// Each scenario runs a whole system; side by side they would only wait for each other.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
