package org.vcpusim.sim;

import java.util.Arrays;

/**
 * The class of a schedule under the relation that messages to different actors may change places: for every actor the order
 * in which it handled what whom sent.
 *
 * <p>An actor is deterministic and a mailbox is a queue, so that the senders alone, in the order in which their messages were
 * handled, tell the messages: the first from an actor is the first it sent, and so on. Hashed actor by actor.
 */
final class TraceClass {
    private static final int INITIAL_CAPACITY = 16;
    /** The sender of what comes from outside the machine. */
    private static final int NOBODY = -1;

    private Inbox[] inboxes = {};

    /** The senders of what one actor has in its mailbox, and the hash of what it has handled. */
    private static final class Inbox {
        private int[] senders = new int[INITIAL_CAPACITY];
        private int first;
        private int size;
        private long handled;

        void clear() {
            first = 0;
            size = 0;
            handled = 0;
        }

        void add(int sender) {
            if (size == senders.length) {
                int[] bigger = new int[2 * size];
                for (int i = 0; i < size; i++) {
                    bigger[i] = senders[first + i & size - 1];
                }
                senders = bigger;
                first = 0;
            }
            senders[first + size & senders.length - 1] = sender;
            size++;
        }

        void handle() {
            int sender = NOBODY;
            if (size > 0) {
                sender = senders[first];
                first = first + 1 & senders.length - 1;
                size--;
            }
            handled = Hash.mixed(handled, sender);
        }
    }

    /** A new schedule. */
    void begin() {
        for (Inbox inbox : inboxes) {
            inbox.clear();
        }
    }

    /** {@code from} sends a message to {@code to}. */
    void sent(int from, int to) {
        inbox(to).add(from);
    }

    /** {@code actor} handles the oldest message in its mailbox. */
    void handles(int actor) {
        inbox(actor).handle();
    }

    /** Equal for schedules of one class. */
    long hash() {
        long hash = 0;
        for (int actor = 0; actor < inboxes.length; actor++) {
            hash += inboxes[actor].handled == 0 ? 0 : Hash.mixed(inboxes[actor].handled, actor);
        }
        return hash;
    }

    private Inbox inbox(int actor) {
        if (actor >= inboxes.length) {
            int known = inboxes.length;
            inboxes = Arrays.copyOf(inboxes, Math.max(actor + 1, 2 * known));
            for (int i = known; i < inboxes.length; i++) {
                inboxes[i] = new Inbox();
            }
        }
        return inboxes[actor];
    }
}
