# The host of compose.yaml. What differs from machine to machine is in its command line there.
# The gallery finds files by what they are about, too, with a model that Ollama has: docker compose exec ollama ollama pull nomic-embed-text
# search {
#   model = "nomic-embed-text"
# }

auth {
  required = true # the first token comes later: docker compose exec host spinbot token new me --role admin
  proxies  = [env("PROXY")] # traefik says who asks: who guesses tokens locks out no others

  session {
    domain = env("DOMAIN") # traefik asks the host who may open the other tools
  }
}
