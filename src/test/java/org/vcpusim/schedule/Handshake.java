package org.vcpusim.schedule;

import java.util.Arrays;

/**
 * How a vCPU is told of a new table, as small as it gets: what strategies are measured on.
 *
 * <p>A vCPU looks for a request; if there is one it clears it and loads the newest table; it announces that it is in the
 * guest, looks whether it was told to leave and whether there is a request after all, enters, and leaves again of its own
 * accord, for ever. A writer changes the table, and then for one vCPU after the other makes the request and, a step later,
 * tells it to leave if it is in the guest; those told get an IPI when all have been asked.
 *
 * <p>The planted bug: the request is cleared after the load. A writer that makes one between the two loses it, for which it
 * takes two updates: the request under way, and the one that is lost.
 */
final class Handshake implements Steps {
    private enum Phase {
        CHECK,
        LOAD,
        CLEAR,
        ANNOUNCE,
        LOOK_AT_MODE,
        LOOK_AT_REQUEST,
        GUEST
    }

    private enum Mode {
        OUTSIDE,
        IN_GUEST,
        EXITING
    }

    private enum WriterPhase {
        CHANGE,
        REQUEST,
        EXCHANGE,
        IPI,
        DONE
    }

    private final int vcpus;
    private final int writers;
    private final boolean clearsAfterLoad;

    private final Phase[] phase;
    private final Mode[] mode;
    private final int[] loaded;
    private final boolean[] request;
    private final boolean[] ipi;
    /** Updates of which a vCPU has not been told yet. */
    private final int[] untold;

    private final WriterPhase[] writerPhase;
    private final int[] target;
    private final boolean[][] owesIpi;
    private int table;
    private boolean broken;

    Handshake(int vcpus, int writers, boolean clearsAfterLoad) {
        this.vcpus = vcpus;
        this.writers = writers;
        this.clearsAfterLoad = clearsAfterLoad;
        phase = new Phase[vcpus];
        mode = new Mode[vcpus];
        loaded = new int[vcpus];
        request = new boolean[vcpus];
        ipi = new boolean[vcpus];
        untold = new int[vcpus];
        writerPhase = new WriterPhase[writers];
        target = new int[writers];
        owesIpi = new boolean[writers][vcpus];
        reset();
    }

    /** Whether a vCPU is in the guest with an old table, and nobody is going to tell it. */
    boolean isBroken() {
        return broken;
    }

    @Override
    public int actorCount() {
        return vcpus + writers;
    }

    @Override
    public void reset() {
        Arrays.fill(phase, Phase.CHECK);
        Arrays.fill(mode, Mode.OUTSIDE);
        Arrays.fill(loaded, 0);
        Arrays.fill(request, false);
        Arrays.fill(ipi, false);
        Arrays.fill(untold, 0);
        Arrays.fill(writerPhase, WriterPhase.CHANGE);
        Arrays.fill(target, 0);
        for (boolean[] owes : owesIpi) {
            Arrays.fill(owes, false);
        }
        table = 0;
        broken = false;
    }

    @Override
    public boolean goesOn() {
        return !broken;
    }

    @Override
    public boolean ready(int actor) {
        return actor < vcpus || writerPhase[actor - vcpus] != WriterPhase.DONE;
    }

    @Override
    public void step(int actor, Sends sends) {
        sends.to(actor);
        if (actor < vcpus) {
            vcpu(actor);
            look(actor);
        } else {
            writer(actor - vcpus, sends);
        }
    }

    private void look(int vcpu) {
        broken |= phase[vcpu] == Phase.GUEST && loaded[vcpu] != table && !ipi[vcpu] && untold[vcpu] == 0;
    }

    private void vcpu(int i) {
        switch (phase[i]) {
            case CHECK -> {
                phase[i] = request[i] ? Phase.LOAD : Phase.ANNOUNCE;
                request[i] &= clearsAfterLoad;
            }
            case LOAD -> {
                loaded[i] = table;
                phase[i] = clearsAfterLoad ? Phase.CLEAR : Phase.ANNOUNCE;
            }
            case CLEAR -> {
                request[i] = false;
                phase[i] = Phase.ANNOUNCE;
            }
            case ANNOUNCE -> {
                mode[i] = Mode.IN_GUEST;
                phase[i] = Phase.LOOK_AT_MODE;
            }
            case LOOK_AT_MODE -> enterUnless(i, mode[i] == Mode.EXITING, Phase.LOOK_AT_REQUEST);
            case LOOK_AT_REQUEST -> enterUnless(i, request[i], Phase.GUEST);
            case GUEST -> {
                ipi[i] = false;
                enterUnless(i, true, Phase.GUEST);
            }
        }
    }

    private void enterUnless(int i, boolean leaves, Phase next) {
        phase[i] = leaves ? Phase.CHECK : next;
        mode[i] = leaves ? Mode.OUTSIDE : mode[i];
    }

    private void writer(int w, Sends sends) {
        int i = target[w];
        switch (writerPhase[w]) {
            case CHANGE -> {
                table++;
                for (int vcpu = 0; vcpu < vcpus; vcpu++) {
                    untold[vcpu]++;
                }
                writerPhase[w] = WriterPhase.REQUEST;
            }
            case REQUEST -> {
                sends.to(i);
                request[i] = true;
                writerPhase[w] = WriterPhase.EXCHANGE;
            }
            case EXCHANGE -> {
                sends.to(i);
                if (mode[i] == Mode.IN_GUEST) {
                    mode[i] = Mode.EXITING;
                    owesIpi[w][i] = true;
                } else {
                    untold[i]--;
                }
                target[w]++;
                writerPhase[w] = target[w] < vcpus ? WriterPhase.REQUEST : WriterPhase.IPI;
                skipThoseOwedNothing(w);
                look(i);
            }
            case IPI -> {
                sends.to(i);
                ipi[i] = true;
                owesIpi[w][i] = false;
                untold[i]--;
                target[w]++;
                skipThoseOwedNothing(w);
            }
            case DONE -> throw new IllegalStateException("writer " + w + " is done");
        }
    }

    private void skipThoseOwedNothing(int w) {
        if (writerPhase[w] != WriterPhase.IPI) {
            return;
        }
        target[w] %= vcpus;
        while (target[w] < vcpus && !owesIpi[w][target[w]]) {
            target[w]++;
        }
        if (target[w] == vcpus) {
            writerPhase[w] = WriterPhase.DONE;
        }
    }
}
