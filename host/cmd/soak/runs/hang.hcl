pipeline "hang" {}

node "test.hang" "it" {
  timeout = "1s"
}
