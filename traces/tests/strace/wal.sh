sqlite3 a.db "pragma journal_mode=truncate; create table t(x); insert into t values(1); create index i on t(x);"
sqlite3 a.db "pragma journal_mode=wal; insert into t values(2); begin; insert into t select x from t; rollback; vacuum;"
sqlite3 a.db ".backup b.db"; sqlite3 b.db ".dump" > dump.sql; sqlite3 c.db < dump.sql
