# What spinbot and spinbot agent are told on this machine, as services and from the command line with --config. Every key, and
# what holds without it: spinbot config, and /usr/share/doc/spinbot. After a change: systemctl reload spinbot, or restart.

# listen = "127.0.0.1:8080"

# plugin "voice" {
#   ...
# }
