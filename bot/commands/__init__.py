"""What the commands of `./sparc` do; `bot.cli` only declares them."""
