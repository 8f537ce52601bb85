-- Asks what a person would, in a Neovim without a screen:
--   nvim --headless --clean -S docs/editors/neovim/check.lua
local function wait(what, ready)
  assert(vim.wait(20000, ready, 20), "never: " .. what)
  print("ok: " .. what .. "\n")
end

local function say(ok, what)
  assert(ok, what)
  print("ok: " .. what .. "\n")
end

local function clients() return (vim.lsp.get_clients or vim.lsp.get_active_clients)() end

local function ask(method, line, character, more)
  local params = vim.tbl_extend("force", { textDocument = { uri = vim.uri_from_bufnr(0) }, position = { line = line, character = character } }, more or {})
  local _, answer = next(assert(vim.lsp.buf_request_sync(0, method, params, 10000)))
  assert(answer and not answer.error and not answer.err, vim.inspect(answer))
  return answer.result
end

local function lines(from, to) return vim.api.nvim_buf_get_lines(0, from, to, false) end

local function pipeline(dir)
  vim.fn.writefile({ 'pipeline "film" {}', 'variable "topic" {', "  type=string", "}", 'node "control.storyboard" "plan" {', "  article = var.topic", "}" }, dir .. "/film.hcl")
  vim.cmd("edit " .. dir .. "/film.hcl")
  wait("the server runs", function() return #clients() == 1 and clients()[1].name == "spinbot" end)
  wait("a mistake is shown", function() return #vim.diagnostic.get(0) == 1 and vim.diagnostic.get(0)[1].message:match("want an artifact") end)

  vim.api.nvim_buf_set_lines(0, 6, 6, false, { "  target_seconds = var." })
  local items = ask("textDocument/completion", 6, 23).items
  say(#items == 1 and items[1].label == "topic", "a reference is completed in text that is not finished")
  say(ask("textDocument/hover", 4, 10).contents.value:match("scenes"), "a node type is documented")
  say(ask("textDocument/definition", 5, 18)[1].range.start.line == 1, "a variable is found")

  vim.api.nvim_buf_set_lines(0, 6, 7, false, {})
  if vim.lsp.buf.format then
    vim.lsp.buf.format({ async = false, timeout_ms = 10000 })
  else
    vim.lsp.buf.formatting_sync(nil, 10000)
  end
  say(lines(3, 4)[1] == "  type = string", "the file is formatted")

  local edit = ask("textDocument/rename", 2, 0, { position = { line = 2, character = 11 }, newName = "subject" })
  vim.lsp.util.apply_workspace_edit(edit, clients()[1].offset_encoding)
  say(table.concat(lines(0, -1), "\n"):match("var%.subject"), "a variable is renamed")
  vim.cmd("write")
end

local function test(dir)
  vim.fn.writefile({ 'run "it works" {', "  inputs = { sub = 1 }", '  mock "node.plot" { outputs = {} }', "}" }, dir .. "/film.test.hcl")
  vim.cmd("edit " .. dir .. "/film.test.hcl")
  local items = ask("textDocument/completion", 1, 14).items
  say(#items == 1 and items[1].label == "subject", "an input is completed in a test file")
end

local function main()
  dofile((debug.getinfo(1, "S").source:sub(2):gsub("check%.lua$", "spinbot.lua")))
  local dir = vim.fn.tempname()
  vim.fn.mkdir(dir, "p")
  pipeline(dir)
  test(dir)
  vim.lsp.stop_client(clients()[1].id)
  wait("the server ends", function() return #clients() == 0 end)
end

local ok, why = xpcall(main, debug.traceback)
if not ok then
  print(why .. "\n")
  vim.cmd("cquit 1")
end
vim.cmd("quitall!")
