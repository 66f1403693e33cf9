// Preloaded into the service by the demo: it ends when the demo does, even when the demo was killed and could not say so.
const group = process.platform === 'win32' ? process.pid : -process.pid;
process.once('disconnect', () => process.kill(group, 'SIGTERM'));
// The channel alone must not keep a service alive that has shut down.
process.channel?.unref();
