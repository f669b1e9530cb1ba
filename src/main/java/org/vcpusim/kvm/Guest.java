package org.vcpusim.kvm;

import java.util.List;
import org.jspecify.annotations.Nullable;
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

    /**
     * What there is to run.
     *
     * @param handlers a handler for each vector that has one of its own
     * @param otherHandler what the other vectors run
     * @param atEnd what the main program does over and over when it has ended
     * @param startup what runs after a start-up IPI
     */
    public record Software(
            Program<GuestAction> main,
            List<Handler> handlers,
            Program<GuestAction> otherHandler,
            Program<GuestAction> atEnd,
            Program<GuestAction> startup) {
        public Software {
            handlers = List.copyOf(handlers);
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

    /** A level of interruption; {@code at} is null at the end of its program. */
    private record Frame(@Nullable Position at, @Nullable Frame interrupted) {}

    private record Position(Program.Position<GuestAction> program) {}

    private Guest(Software software, @Nullable Frame frame) {
        this.software = software;
        this.frame = frame;
    }

    /** A guest before its first instruction. */
    public static Guest starting(Software software) {
        return running(software, software.main);
    }

    /** A guest at the start of {@code program}; where that has no action it idles at once. */
    private static Guest running(Software software, Program<GuestAction> program) {
        Position first = position(Program.Position.start(program));
        Position at = first == null ? position(Program.Position.start(software.atEnd)) : first;
        return new Guest(software, new Frame(at, null));
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

    /** User space puts the processor at the start of other software: KVM_SET_REGS. */
    public record Load(Software software) implements Message {}

    /** The next state; the instruction goes to the vCPU. */
    public Guest step(Message message, Port port) {
        if (message instanceof Load l) {
            return starting(l.software);
        }
        if (message instanceof Interrupt i) {
            return (i.retired ? retired() : this).interrupted(i.vector);
        }
        if (!(message instanceof Fetch f)) {
            return running(software, software.startup);
        }
        Guest next = f.retired ? retired() : this;
        next = f.vector >= 0 ? next.interrupted(f.vector) : next;
        port.toVcpu(f.vcpu, new Vcpu.Execute(f.fetch, next.action()));
        return next;
    }

    private GuestAction action() {
        if (frame == null || frame.at == null) {
            return Plain.IRET;
        }
        return frame.at.program.action();
    }

    private Guest retired() {
        if (frame == null) {
            return this;
        }
        if (frame.at == null) {
            return new Guest(software, frame.interrupted);
        }
        Position next = position(frame.at.program.next());
        if (next == null && frame.interrupted == null) {
            next = position(Program.Position.start(software.atEnd));
        }
        return new Guest(software, new Frame(next, frame.interrupted));
    }

    private Guest interrupted(int vector) {
        return new Guest(software, new Frame(position(Program.Position.start(software.handlerOf(vector))), frame));
    }

    private static @Nullable Position position(Program.@Nullable Position<GuestAction> at) {
        return at == null ? null : new Position(at);
    }
}
