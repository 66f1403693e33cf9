-- Sends the messages of a file in turn, and prints what came of it as JSON; latencies in milliseconds.
local messages = {}
local sent = 0

function init(args)
  for message in io.open(args[1], "rb"):read("*a"):gmatch("[^%z]+") do
    messages[#messages + 1] = message
  end
end

function request()
  sent = sent + 1
  return messages[(sent - 1) % #messages + 1]
end

function done(summary, latency)
  local errors = summary.errors
  local unanswered = errors.connect + errors.read + errors.write + errors.timeout
  print(string.format(
    '{"requests":%d,"requestsPerSecond":%f,"p50":%f,"p99":%f,"refused":%d,"unanswered":%d}',
    summary.requests,
    summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3,
    errors.status,
    unanswered
  ))
end
