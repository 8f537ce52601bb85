# The host that is built anew at each change: docker compose --profile dev up.
auth {
  required = true # docker compose exec host-dev tmp/spinbot token new me --role admin
}
