# Varnish in front of the service. docs/streaming/proxies.md says why, and the tests run this file.
vcl 4.1;

import std;

backend service {
    .host = "127.0.0.1";
    .port = "8000";
    .connect_timeout = 5s;
    # Longer than the silence between two heartbeats of an event stream, 15 seconds.
    .between_bytes_timeout = 60s;
}

sub vcl_recv {
    # Streams are for one reader each, and ranges of files are the service's own affair.
    return (pass);
}

sub vcl_backend_error {
    # A browser's EventSource gives up for ever on any status but 200.
    if (bereq.method == "GET" && bereq.http.Accept == "text/event-stream") {
        set beresp.status = 200;
        set beresp.http.Content-Type = "text/event-stream";
        set beresp.http.Cache-Control = "no-store";
        set beresp.body = "retry: " + std.integer(real = std.random(1000, 4000)) + {"

"};
        return (deliver);
    }
}
