// The official TypeScript SDK: every method about models, and the key that the client uses.
import { OpenRouter } from "@openrouter/sdk";

const { base, key } = JSON.parse(process.env.ARGUMENTS);
const client = new OpenRouter({ apiKey: key, serverURL: base });

const listed = await client.models.list({ outputModalities: "video" });
const counted = await client.models.count({ outputModalities: "video" });
const current = await client.apiKeys.getCurrentKeyMetadata();
console.log(JSON.stringify({
  listed: listed.result.data.length,
  counted: counted.data.count,
  label: current.data.label,
}));
