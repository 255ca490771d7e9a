/** The bar, the question and the chat panel. */
import { useEffect, useRef } from "preact/hooks";
import type { ChatLine } from "../../state";
import type { Session } from "../session";
import type { Question, Widget } from "./widget";

export function Bar({ widget }: { widget: Widget }) {
  const { session } = widget;
  const [question] = widget.questions;
  if (!session || session.state === "ended") return null;
  return (
    <div class="root">
      {question && <Ask question={question} />}
      {session.code && session.state === "pending" && !question && <Waiting session={session} />}
      {session.state !== "pending" && <Sharing session={session} widget={widget} />}
      {widget.chatOpen && session.state !== "pending" && <Chat session={session} lines={session.chat} />}
    </div>
  );
}

function Ask({ question: { viewer, answer } }: { question: Question }) {
  const who = viewer.role === "agent" ? `${viewer.name}, an agent,` : `${viewer.name}, who has the link,`;
  return (
    <div class="card ask" role="alertdialog" aria-labelledby="cobrowse-ask">
      <h2 id="cobrowse-ask">Share this page?</h2>
      <p>
        <b>{who}</b> would like to see this page, live. What you type is hidden. You can pause or stop at any time.
      </p>
      <div class="row">
        <button type="button" class="quiet" data-action="refuse" onClick={() => answer(false)}>
          Don’t share
        </button>
        <button type="button" class="primary" data-action="allow" onClick={() => answer(true)}>
          Share this page
        </button>
      </div>
    </div>
  );
}

function Waiting({ session }: { session: Session }) {
  return (
    <div class="card waiting" role="status">
      <p>Tell the agent this code:</p>
      <p class="code" data-code={session.code}>
        {session.code.slice(0, 3)}&#8202;{session.code.slice(3)}
      </p>
      <p class="small">Nothing is shared before you say so.</p>
      <div class="row">
        <button type="button" class="quiet" data-action="end" onClick={() => session.end()}>
          Cancel
        </button>
        <button type="button" class="primary" data-action="copy" onClick={() => copy(session.link)}>
          Copy link
        </button>
      </div>
    </div>
  );
}

function Sharing({ session, widget }: { session: Session; widget: Widget }) {
  const names = session.viewers.map(({ name }) => name).join(", ");
  const watching = names ? `${names} can see this page` : "Nobody is watching right now";
  return (
    <div class={`bar ${session.isPaused ? "paused" : ""}`} role="status" data-bar={session.state}>
      <span class="dot" aria-hidden="true" />
      <span class="who">{session.isPaused ? "Sharing is paused" : watching}</span>
      <button type="button" data-action="chat" aria-expanded={widget.chatOpen} onClick={() => widget.toggleChat()}>
        Chat{widget.unread > 0 && <span class="badge">{widget.unread}</span>}
      </button>
      {session.isPaused ? (
        <button type="button" data-action="unpause" onClick={() => session.unpause()}>
          Go on
        </button>
      ) : (
        <button type="button" data-action="pause" onClick={() => session.pause()}>
          Pause
        </button>
      )}
      <button type="button" class="stop" data-action="end" onClick={() => session.end()}>
        Stop
      </button>
    </div>
  );
}

function Chat({ session, lines }: { session: Session; lines: readonly ChatLine[] }) {
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => {
    if (list.current) list.current.scrollTop = list.current.scrollHeight;
  }, [lines.length]);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const field = form.elements.namedItem("line") as HTMLInputElement;
    session.say(field.value);
    field.value = "";
  };
  return (
    <div class="card chat">
      <ol ref={list} aria-live="polite">
        {lines.map(({ id, from, name, text }) => (
          <li key={id} class={from === "" ? "mine" : ""}>
            <span class="name">{from === "" ? "You" : name}</span>
            <span class="text">{text}</span>
          </li>
        ))}
      </ol>
      <form onSubmit={submit}>
        <input name="line" placeholder="Write a line…" aria-label="Chat" autocomplete="off" maxLength={2000} />
        <button type="submit" class="primary">
          Send
        </button>
      </form>
    </div>
  );
}

function copy(text: string): void {
  // Without a secure context there is no clipboard; the prompt lets the visitor copy by hand.
  if (navigator.clipboard) navigator.clipboard.writeText(text).catch(() => prompt("The link:", text));
  else prompt("The link:", text);
}
