// Preloaded into the service by the demo: it ends when the demo does, even when the demo was killed and could not say so.
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
// The channel alone must not keep a service alive that has shut down.
process.channel?.unref();
