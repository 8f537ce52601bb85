-- Asks what a person would, in a Neovim without a screen:
--   nvim --headless --clean -l docs/editors/neovim/check.lua
local function wait(what, ready)
  assert(vim.wait(20000, ready, 20), "never: " .. what)
  print("ok: " .. what)
end

dofile((arg[0]:gsub("check%.lua$", "spinbot.lua"))) -- with -l, -u is not read
vim.cmd.filetype("on") -- nor are file types found
local dir = vim.fn.tempname()
vim.fn.mkdir(dir, "p")
vim.fn.writefile({ 'pipeline "film" {}', 'variable "topic" {', "  type=string", "}", 'node "control.storyboard" "plan" {', "  article = var.topic", "}" }, dir .. "/film.hcl")
vim.cmd.edit(dir .. "/film.hcl")

wait("the server runs", function() return #vim.lsp.get_clients({ bufnr = 0, name = "spinbot" }) == 1 end)
local client = vim.lsp.get_clients({ bufnr = 0, name = "spinbot" })[1]
wait("a mistake is shown", function() return #vim.diagnostic.get(0) == 1 and vim.diagnostic.get(0)[1].message:match("want an artifact") end)

local function ask(method, line, character, more)
  local params = vim.tbl_extend("force", { textDocument = { uri = vim.uri_from_bufnr(0) }, position = { line = line, character = character } }, more or {})
  local answer = client:request_sync(method, params, 10000, vim.api.nvim_get_current_buf())
  assert(answer and not answer.err, vim.inspect(answer))
  return answer.result
end

vim.api.nvim_buf_set_lines(0, 6, 6, false, { "  target_seconds = var." })
local items = ask("textDocument/completion", 6, 23).items
assert(#items == 1 and items[1].label == "topic", vim.inspect(items))
print("ok: a reference is completed in text that is not finished")

assert(ask("textDocument/hover", 4, 10).contents.value:match("scenes"))
print("ok: a node type is documented")
assert(ask("textDocument/definition", 5, 18)[1].range.start.line == 1)
print("ok: a variable is found")

vim.api.nvim_buf_set_lines(0, 6, 7, false, {})
vim.lsp.buf.format({ async = false, timeout_ms = 10000 })
assert(vim.api.nvim_buf_get_lines(0, 0, 5, false)[4] == "  type = string", vim.inspect(vim.api.nvim_buf_get_lines(0, 0, -1, false)))
print("ok: the file is formatted")

local edit = ask("textDocument/rename", 2, 0, { position = { line = 2, character = 11 }, newName = "subject" })
vim.lsp.util.apply_workspace_edit(edit, client.offset_encoding)
assert(table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\n"):match("var%.subject"))
print("ok: a variable is renamed")

client:stop()
wait("the server ends", function() return client:is_stopped() end)
vim.cmd.quitall({ bang = true })
