plugin "render" {
  source  = "github.com/myspinbot/spinbot/plugins/render"
  version = "0.1.0"
  binary  = "render"
}
