CREATE INDEX "api_keys_creator" ON "api_keys" USING btree ("created_by");--> statement-breakpoint
CREATE INDEX "audit_log_actor_anywhere" ON "audit_log" USING btree ("actor_id","at");