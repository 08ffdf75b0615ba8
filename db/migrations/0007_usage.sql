ALTER TABLE "request_logs" ADD COLUMN "cost_nanos" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "request_logs" ADD COLUMN "estimated" boolean DEFAULT false NOT NULL;--> statement-breakpoint
CREATE INDEX "request_logs_key" ON "request_logs" USING btree ("organization_id","key_id","created_at");--> statement-breakpoint
CREATE INDEX "request_logs_model" ON "request_logs" USING btree ("organization_id","model","created_at");--> statement-breakpoint
CREATE INDEX "request_logs_notable" ON "request_logs" USING btree ("organization_id","created_at") WHERE "request_logs"."outcome" <> 'completed' or "request_logs"."status" is null or "request_logs"."status" >= 400 or "request_logs"."estimated";--> statement-breakpoint
CREATE INDEX "request_logs_notable_key" ON "request_logs" USING btree ("organization_id","key_id","created_at") WHERE "request_logs"."outcome" <> 'completed' or "request_logs"."status" is null or "request_logs"."status" >= 400 or "request_logs"."estimated";--> statement-breakpoint
-- By hand: what the lines of before cost.
UPDATE "request_logs" l SET "cost_nanos" = u."cost_nanos", "estimated" = u."estimated" FROM "usage_records" u
WHERE u."organization_id" = l."organization_id" AND u."request_id" = l."request_id" AND u."started_at" = l."created_at";
