#!/bin/sh
# Creates or upgrades Temporal's tables. Safe to repeat: both steps leave a newer schema as it is.
set -eu

for kind in temporal visibility; do
  database=temporal
  [ "$kind" = temporal ] || database=temporal_visibility
  tool="temporal-sql-tool --plugin postgres12 --ep $SQL_HOST -p 5432 -u $SQL_USER --db $database"
  $tool setup-schema -v 0.0
  $tool update-schema -d "/etc/temporal/schema/postgresql/v12/$kind/versioned"
done
