/** nginx configured for speed: one worker, no access log, connections kept on both sides. */
function nginxConf(directory, servers) {
  return `
    ${process.getuid() === 0 ? 'user root;' : ''}
    daemon off;
    worker_processes 1;
    pid ${directory}/nginx.pid;
    error_log stderr;
    events { worker_connections 1024; }
    http {
      access_log off;
      keepalive_requests 100000000;
      client_body_temp_path ${directory}/body;
      proxy_temp_path ${directory}/proxy;
      fastcgi_temp_path ${directory}/fastcgi;
      uwsgi_temp_path ${directory}/uwsgi;
      scgi_temp_path ${directory}/scgi;
      ${servers}
    }`;
}

/** Forwards everything over kept-alive connections; `unbuffered` streams bodies of any size. */
export function forwardingConf({ directory, port, upstreamPort, unbuffered }) {
  return nginxConf(
    directory,
    `upstream upstream_server {
        server 127.0.0.1:${upstreamPort};
        keepalive 64;
        keepalive_requests 100000000;
      }
      server {
        listen 127.0.0.1:${port};
        location / {
          proxy_pass http://upstream_server;
          proxy_http_version 1.1;
          proxy_set_header Connection "";
          ${unbuffered ? 'client_max_body_size 0; proxy_buffering off; proxy_request_buffering off;' : ''}
        }
      }`,
  );
}

/** Answers everything with one text at once: an upstream that costs the load's core as little as possible. */
export function answeringConf({ directory, port, text }) {
  return nginxConf(
    directory,
    `server {
        listen 127.0.0.1:${port};
        default_type application/json;
        location / { return 200 '${text}'; }
      }`,
  );
}
