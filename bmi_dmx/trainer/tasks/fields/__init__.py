"""Fields that change with time, learned from roll-outs of growing length."""
