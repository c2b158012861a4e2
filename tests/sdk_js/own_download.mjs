// The AI SDK's own download of a URL: the address is what it judges, whatever the name.
import { downloadBlob } from "@ai-sdk/provider-utils";

const { urls } = JSON.parse(process.env.ARGUMENTS);
const verdicts = {};
for (const url of urls) {
  try {
    await downloadBlob(url);
    verdicts[url] = "ok";
  } catch (error) {
    verdicts[url] = `${error.message} ${error.cause?.message ?? ""}`;
  }
}
console.log(JSON.stringify(verdicts));
