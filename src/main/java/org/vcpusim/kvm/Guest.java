package org.vcpusim.kvm;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.kvm.GuestAction.Plain;

/**
 * The software of one vCPU: a program, a handler for each vector, and where it stands.
 *
 * <p>It runs only while its vCPU asks for the next instruction. When the program has ended it idles with interrupts on, as an
 * operating system does.
 */
public final class Guest {
    /** Vector of the general-protection exception. */
    public static final int GENERAL_PROTECTION = 13;

    private final Software software;
    private final @Nullable Frame frame;
    private final @Nullable NestedGuest nested;

    /**
     * What there is to run.
     *
     * @param handlers a handler for each vector that has one of its own
     * @param otherHandler what the other vectors run
     * @param atEnd what the main program does over and over when it has ended
     * @param startup what runs after a start-up IPI
     * @param hypervisor what it runs as a hypervisor, null where it is none
     */
    public record Software(
            Program<GuestAction> main,
            List<Handler> handlers,
            Program<GuestAction> otherHandler,
            Program<GuestAction> atEnd,
            Program<GuestAction> startup,
            @Nullable Hypervisor hypervisor) {
        public Software {
            handlers = List.copyOf(handlers);
        }

        /** Software that is no hypervisor. */
        public Software(
                Program<GuestAction> main,
                List<Handler> handlers,
                Program<GuestAction> otherHandler,
                Program<GuestAction> atEnd,
                Program<GuestAction> startup) {
            this(main, handlers, otherHandler, atEnd, startup, null);
        }

        Program<GuestAction> handlerOf(int vector) {
            for (Handler handler : handlers) {
                if (handler.vector == vector) {
                    return handler.program;
                }
            }
            return otherHandler;
        }
    }

    /** What runs when {@code vector} is taken, up to its IRET, which is added. */
    public record Handler(int vector, Program<GuestAction> program) {}

    /**
     * What L1 runs as a hypervisor.
     *
     * @param guest the software of L2, whose every end is a VMCALL
     * @param exits what L1 does after an exit, before it resumes L2, by the reason
     * @param otherExits the same for all other reasons
     */
    public record Hypervisor(Software guest, List<ExitHandler> exits, Program<GuestAction> otherExits) {
        public Hypervisor {
            exits = List.copyOf(exits);
        }

        private Program<GuestAction> handlerOf(ExitReason reason) {
            for (ExitHandler handler : exits) {
                if (handler.reason == reason) {
                    return handler.program;
                }
            }
            return otherExits;
        }
    }

    /** What runs after a nested exit for {@code reason}. */
    public record ExitHandler(ExitReason reason, Program<GuestAction> program) {}

    /** A level of interruption; {@code at} is null at the end of its program. */
    private record Frame(
            Program.@Nullable Position<GuestAction> at,
            Kind kind,
            @Nullable Frame interrupted) {}

    /** How a level of interruption ends. */
    private enum Kind {
        /** The main program goes on with what it does at its end. */
        MAIN,
        /** By IRET. */
        INTERRUPT,
        /** By going on with what was interrupted: L1's handling of an exit from L2. */
        NESTED_EXIT
    }

    /** L2, and whether it is what the processor runs. */
    private record NestedGuest(Guest guest, boolean runs) {}

    private Guest(Software software, @Nullable Frame frame, @Nullable NestedGuest nested) {
        this.software = software;
        this.frame = frame;
        this.nested = nested;
    }

    /** A guest before its first instruction. */
    public static Guest starting(Software software) {
        return running(software, software.main);
    }

    /** A guest at the start of {@code program}; where that has no action it idles at once. */
    private static Guest running(Software software, Program<GuestAction> program) {
        Program.Position<GuestAction> first = Program.Position.start(program);
        Program.Position<GuestAction> at = first == null ? Program.Position.start(software.atEnd) : first;
        Hypervisor hypervisor = software.hypervisor;
        NestedGuest l2 = hypervisor == null ? null : new NestedGuest(starting(hypervisor.guest), false);
        return new Guest(software, new Frame(at, Kind.MAIN, null), l2);
    }

    /** What a guest is told. */
    public sealed interface Message {}

    /**
     * Its vCPU wants the next instruction.
     *
     * @param fetch number of the request, for the answer
     * @param retired whether the instruction before is done
     * @param value what that instruction read
     * @param vector the interrupt or exception that is taken before the next instruction, or -1
     */
    public record Fetch(int vcpu, int fetch, boolean retired, long value, int vector) implements Message {}

    /**
     * An interrupt or exception was taken, and the next one comes before any instruction.
     *
     * @param retired whether the instruction before is done
     */
    public record Interrupt(boolean retired, int vector) implements Message {}

    /** A start-up IPI put the processor at its first instruction again. */
    public enum Startup implements Message {
        STARTUP
    }

    /** The processor has gone from L1 to L2. */
    public enum NestedEntry implements Message {
        ENTER
    }

    /** The processor has gone from L2 to L1. After VMCALL, L1 goes on behind the instruction that ran L2. */
    public record NestedExit(ExitReason reason) implements Message {}

    /** User space puts the processor at the start of other software: KVM_SET_REGS. */
    public record Load(Software software) implements Message {}

    /** The next state; the instruction goes to the vCPU. */
    public Guest step(Message message, Port port) {
        if (message instanceof Load l) {
            return starting(l.software);
        }
        if (message instanceof NestedEntry) {
            return with(new NestedGuest(nested().guest, true));
        }
        if (message instanceof NestedExit e) {
            return exited(e.reason);
        }
        if (message instanceof Startup) {
            return running(software, software.startup);
        }
        if (nested != null && nested.runs) {
            return with(new NestedGuest(nested.guest.step(message, port), true));
        }
        if (!(message instanceof Fetch f)) {
            Interrupt i = (Interrupt) message;
            return (i.retired ? retired() : this).interrupted(i.vector);
        }
        Guest next = f.retired ? retired() : this;
        next = f.vector >= 0 ? next.interrupted(f.vector) : next;
        port.toVcpu(f.vcpu, new Vcpu.Execute(f.fetch, next.action()));
        return next;
    }

    private NestedGuest nested() {
        if (nested == null) {
            throw new IllegalStateException("a guest that is no hypervisor has no guest");
        }
        return nested;
    }

    private Guest with(NestedGuest other) {
        return new Guest(software, frame, other);
    }

    /** L1 handles the exit, and then executes the instruction that runs L2 again, unless L2 has called. */
    private Guest exited(ExitReason reason) {
        Guest l1 = with(new NestedGuest(nested().guest, false));
        l1 = reason == ExitReason.VMCALL ? l1.retired() : l1;
        Hypervisor hypervisor = software.hypervisor;
        Program.Position<GuestAction> handler =
                hypervisor == null ? null : Program.Position.start(hypervisor.handlerOf(reason));
        return handler == null ? l1 : l1.at(new Frame(handler, Kind.NESTED_EXIT, l1.frame));
    }

    private Guest at(@Nullable Frame other) {
        return new Guest(software, other, nested);
    }

    private GuestAction action() {
        if (frame == null || frame.at == null) {
            return Plain.IRET;
        }
        return frame.at.action();
    }

    private Guest retired() {
        if (frame == null) {
            return this;
        }
        if (frame.at == null) {
            return at(frame.interrupted);
        }
        Program.Position<GuestAction> next = frame.at.next();
        if (next == null && frame.kind == Kind.MAIN) {
            next = Program.Position.start(software.atEnd);
        }
        boolean handled = next == null && frame.kind == Kind.NESTED_EXIT;
        return at(handled ? frame.interrupted : new Frame(next, frame.kind, frame.interrupted));
    }

    private Guest interrupted(int vector) {
        Program.Position<GuestAction> handler = Program.Position.start(software.handlerOf(vector));
        return at(new Frame(handler, Kind.INTERRUPT, frame));
    }
}
