package org.vcpusim.cli;

import java.io.PrintWriter;
import java.util.function.BiFunction;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;
import picocli.CommandLine.Model.CommandSpec;

/** What every bench does around its measurement. */
final class Measurement {
    private Measurement() {}

    /**
     * Measures, tells on stderr what is being measured, prints what was, and says how far it was if the user has ended it.
     *
     * @param bench takes whom to tell, and whether the user wants it to end
     * @param printed what goes to stdout
     * @param far how far an interrupted measurement was, behind the word interrupted
     * @return the exit code
     */
    static <R> int run(
            CommandSpec spec,
            BiFunction<Consumer<String>, BooleanSupplier, R> bench,
            Function<R, String> printed,
            Function<R, String> far) {
        PrintWriter err = spec.commandLine().getErr();
        PrintWriter out = spec.commandLine().getOut();
        Interruption interruption = Interruption.onSignal();
        try {
            R result = bench.apply(what -> err.println(spec.qualifiedName() + ": " + what), interruption::requested);
            out.print(printed.apply(result));
            out.flush();
            if (!interruption.requested()) {
                return ExitCode.OK;
            }
            err.println(spec.qualifiedName() + ": interrupted " + far.apply(result));
            return ExitCode.INTERRUPTED;
        } finally {
            interruption.done();
        }
    }
}
